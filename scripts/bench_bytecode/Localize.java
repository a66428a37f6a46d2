import java.io.File;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.yarn.api.records.LocalResource;
import org.apache.hadoop.yarn.api.records.LocalResourceType;
import org.apache.hadoop.yarn.api.records.LocalResourceVisibility;
import org.apache.hadoop.yarn.api.records.URL;
import org.apache.hadoop.yarn.util.FSDownload;
import org.apache.hadoop.yarn.util.Records;

/** Unpacks an archive into a new folder with the class by which a NodeManager does it, and prints where it is. */
public class Localize {
    public static void main(String[] arguments) throws Exception {
        var archive = new Path(new File(arguments[0]).toURI());
        var folder = new Path(new File(arguments[1]).toURI());
        var configuration = new Configuration();
        var status = archive.getFileSystem(configuration).getFileStatus(archive);
        var resource = Records.newRecord(LocalResource.class);
        resource.setResource(URL.fromPath(archive));
        resource.setSize(status.getLen());
        resource.setTimestamp(status.getModificationTime());
        resource.setType(LocalResourceType.ARCHIVE);
        resource.setVisibility(LocalResourceVisibility.PUBLIC);
        var user = UserGroupInformation.getCurrentUser();
        var files = FileContext.getLocalFSFileContext();
        var unpacked = new FSDownload(files, user, configuration, folder, resource).call();
        System.out.println(unpacked.toUri().getPath());
    }
}
